// sender uploads its standard input, chunked, and tells digest and size behind it, as trailers.
package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"flag"
	"hash"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// tellingReader hashes what is read through it and, at the end, fills in the trailers.
type tellingReader struct {
	source io.Reader
	hash   hash.Hash
	count  int
	finish func(digest string, count int)
}

func (r *tellingReader) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.hash.Write(p[:n])
	r.count += n
	if err == io.EOF {
		r.finish(hex.EncodeToString(r.hash.Sum(nil)), r.count)
	}
	return n, err
}

func main() {
	url := flag.String("url", "", "where to upload to")
	tellMd5 := flag.String("md5", "right", "right, wrong or absent")
	tellSize := flag.String("size", "right", "right, wrong or absent")
	announce := flag.Bool("announce", true, "name the trailers beforehand")
	flag.Parse()

	trailer := http.Header{}
	if *announce {
		trailer["Md5"], trailer["Size"] = nil, nil
	}
	body := &tellingReader{source: os.Stdin, hash: md5.New(), finish: func(digest string, count int) {
		switch *tellMd5 {
		case "right":
			trailer.Set("Md5", digest)
		case "wrong":
			trailer.Set("Md5", strings.Repeat("0", len(digest)))
		}
		switch *tellSize {
		case "right":
			trailer.Set("Size", strconv.Itoa(count))
		case "wrong":
			trailer.Set("Size", strconv.Itoa(count+1))
		}
	}}
	request, err := http.NewRequest(http.MethodPost, *url, body)
	if err != nil {
		log.Fatal(err)
	}
	request.ContentLength = -1
	request.Trailer = trailer
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var answer bytes.Buffer
	if _, err := io.Copy(&answer, response.Body); err != nil {
		log.Fatal(err)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"status": response.StatusCode, "body": answer.String()})
}
