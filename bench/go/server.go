// server does with Go's net/http what `trailsum serve` does: it receives an upload, hashing it on the way, compares it with
// the digest in the trailers, and publishes it under its name once it is on the disk.
//
//	server DIRECTORY
package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

var directory = os.Args[1]

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(receive)))
}

func receive(w http.ResponseWriter, r *http.Request) {
	staged, err := os.CreateTemp(directory, ".staged-")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer os.Remove(staged.Name())
	defer staged.Close()
	sum := md5.New()
	if _, err := io.CopyBuffer(io.MultiWriter(staged, sum), onlyReader{r.Body}, make([]byte, 1<<20)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if hex.EncodeToString(sum.Sum(nil)) != r.Trailer.Get("Md5") {
		http.Error(w, "the digest differs", http.StatusBadRequest)
		return
	}
	if err := staged.Sync(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := os.Rename(staged.Name(), filepath.Join(directory, filepath.Base(r.URL.Path))); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// onlyReader hides what else a body can do, so that the large buffer is what is read into.
type onlyReader struct{ io.Reader }
