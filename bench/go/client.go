// client is the client of the article that trailsum grew from: it hashes a file while it sends it, chunked, and reports the
// digest and the size after it, as trailers. Several files go one after the other, on one connection that is kept.
//
//	client URL FILE        to that URL
//	client URL/ DIRECTORY  every file in it, to URL/name
package main

import (
	"crypto/md5"
	"fmt"
	"hash"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

type headerReader struct {
	reader io.Reader
	md5    hash.Hash
	header http.Header
}

func (r *headerReader) Read(p []byte) (n int, err error) {
	n, err = r.reader.Read(p)
	if n > 0 {
		r.md5.Write(p[:n])
	}
	if err == io.EOF {
		r.header.Set("md5", fmt.Sprintf("%x", r.md5.Sum(nil)))
	}
	return
}

func main() {
	url, path := os.Args[1], os.Args[2]
	entries, err := os.ReadDir(path)
	if err != nil {
		send(url, path)
		return
	}
	for _, entry := range entries {
		send(url+entry.Name(), filepath.Join(path, entry.Name()))
	}
}

func send(url, path string) {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	stats, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	h := &headerReader{
		reader: file,
		md5:    md5.New(),
		header: http.Header{"Md5": nil, "Size": []string{strconv.FormatInt(stats.Size(), 10)}},
	}
	req, err := http.NewRequest("PUT", url, h)
	if err != nil {
		log.Fatal(err)
	}
	req.ContentLength = -1
	req.Trailer = h.header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err = io.Copy(io.Discard, resp.Body); err != nil {
		log.Fatal(err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		log.Fatal(path, ": ", resp.Status)
	}
	fmt.Printf("%s  %s\n", h.header.Get("Md5"), path)
}
