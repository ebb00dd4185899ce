// sender uploads its standard input, of unknown length, and sends digest and size after it, as trailers. With -get it asks
// for content instead, and reports what trailers came after that.
package main

import (
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
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
	get := flag.Bool("get", false, "ask for content")
	ca := flag.String("ca", "", "a file with the certificate to trust")
	http1 := flag.Bool("http1", false, "speak HTTP/1.1 over TLS too")
	flag.Parse()
	client := &http.Client{Transport: transport(*ca, *http1)}
	if *get {
		response, err := client.Get(*url)
		if err != nil {
			log.Fatal(err)
		}
		tell(response)
		return
	}

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
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	tell(response)
}

// tell reads a response to its end and prints it as one line of JSON.
func tell(response *http.Response) {
	defer response.Body.Close()
	var answer bytes.Buffer
	if _, err := io.Copy(&answer, response.Body); err != nil {
		log.Fatal(err)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"status": response.StatusCode, "body": answer.String(), "protocol": response.Proto,
		"trailers": map[string]string{"Md5": response.Trailer.Get("Md5"), "Size": response.Trailer.Get("Size")},
	})
}

// transport is Go's own, which prefers HTTP/2 over TLS by default.
func transport(ca string, http1 bool) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			log.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	if http1 {
		transport.ForceAttemptHTTP2 = false
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return transport
}
