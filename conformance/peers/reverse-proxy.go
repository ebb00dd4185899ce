// A reverse proxy made of httputil.ReverseProxy, as its documentation shows it. Where it has to speak HTTP/2 it does so
// over TLS, which is what the standard library can.
package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"time"
)

func main() {
	client, origin := os.Args[5], os.Args[6]
	scheme := "http"
	if origin == "2" {
		scheme = "https"
	}
	target, err := url.Parse(scheme + "://127.0.0.1:" + os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	seconds, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	// None said is 0, and 0 is what http.Transport keeps by default.
	keep, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	transport.ResponseHeaderTimeout = time.Duration(seconds) * time.Second
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = keep
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	proxy.Transport = transport
	server := &http.Server{Addr: "127.0.0.1:" + os.Args[1], Handler: proxy, ErrorLog: proxy.ErrorLog}
	if client == "2" {
		log.Fatal(server.ListenAndServeTLS(os.Args[7], os.Args[8]))
	}
	log.Fatal(server.ListenAndServe())
}
