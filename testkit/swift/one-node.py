"""OpenStack Swift with its S3 API on one node, on loopback, in one process: one-node.py DIRECTORY

Needs Debian's python3-swift and memcached. Prints "ready on PORT" when S3 answers, and ends when its standard input does.
The access key is test:tester, the secret testing.
"""

import eventlet

eventlet.monkey_patch()

import os
import subprocess
import sys

from eventlet import wsgi
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.storage_policy import reload_storage_policies
from swift.common.wsgi import loadapp

directory = os.path.abspath(sys.argv[1])
os.makedirs(os.path.join(directory, "node", "d1"))

SWIFT = """
[swift-hash]
swift_hash_path_prefix = trailsum
swift_hash_path_suffix = test
[storage-policy:0]
name = default
default = yes
"""

COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {directory}
devices = {directory}/node
mount_check = false
log_level = CRITICAL
"""

BACKEND = """
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

PROXY = """
[pipeline:main]
pipeline = catch_errors cache s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
min_segment_size = 1
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
"""


def write(file_name, text, **values):
    path = os.path.join(directory, file_name)
    with open(path, "w") as file:
        file.write(text.format(directory=directory, **values))
    return path


def write_ring(name, port):
    builder = RingBuilder(2, 1, 1)
    device = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1", "weight": 1}
    builder.add_dev({**device, "replication_ip": "127.0.0.1", "replication_port": port, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(os.path.join(directory, name + ".ring.gz"))


def free_port():
    socket = eventlet.listen(("127.0.0.1", 0))
    port = socket.getsockname()[1]
    socket.close()
    return port


utils.SWIFT_CONF_FILE = write("swift.conf", SWIFT)
utils.validate_hash_conf()
reload_storage_policies()

memcached = free_port()
cache = subprocess.Popen(["memcached", "-l", "127.0.0.1", "-p", str(memcached), "-u", "nobody", "-m", "16"])
try:
    sockets = {name: eventlet.listen(("127.0.0.1", 0)) for name in ("account", "container", "object", "proxy")}
    ports = {name: socket.getsockname()[1] for name, socket in sockets.items()}
    for name in ("account", "container", "object"):
        write_ring(name, ports[name])
    for name, socket in sockets.items():
        text = COMMON + (PROXY if name == "proxy" else BACKEND)
        path = write(name + ".conf", text, name=name, port=ports[name], memcached=memcached)
        app = loadapp(path, global_conf={"log_level": "CRITICAL"})
        eventlet.spawn(wsgi.server, socket, app, log_output=False, debug=False, minimum_chunk_size=0)
    print("ready on", ports["proxy"], flush=True)
    while eventlet.tpool.execute(os.read, 0, 4096):
        pass
finally:
    cache.terminate()
