// checker compares uploads with the digest and the size in their trailers, and gives content away with such trailers.
package main

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
)

var (
	content = flag.String("content", "", "what a download gets")
	cert    = flag.String("cert", "", "a file with a certificate: speak TLS")
	key     = flag.String("key", "", "a file with its key")
	http1   = flag.Bool("http1", false, "speak HTTP/1.1 over TLS too")
)

func main() {
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	log.SetOutput(io.Discard)
	server := &http.Server{Handler: http.HandlerFunc(answer)}
	if *http1 {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	if *cert == "" {
		fmt.Printf("http://%s\n", listener.Addr())
		log.Fatal(server.Serve(listener))
	}
	fmt.Printf("https://%s\n", listener.Addr())
	log.Fatal(server.ServeTLS(listener, *cert, *key))
}

func answer(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		give(w, r)
		return
	}
	// The names are known before the body is read, the values only after it.
	announced := []string{}
	for name := range r.Trailer {
		announced = append(announced, name)
	}
	sort.Strings(announced)
	sum := md5.New()
	count, err := io.Copy(sum, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	// What it saw, as one line of JSON, sent before the response.
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"method": r.Method, "path": r.URL.Path, "protocol": r.Proto, "announced": announced, "size": count, "digest": digest,
		"trailers": map[string]string{
			"Md5": r.Trailer.Get("Md5"), "Size": r.Trailer.Get("Size"), "Content-Digest": r.Trailer.Get("Content-Digest"),
		},
	})
	if r.Trailer.Get("Md5") == digest && r.Trailer.Get("Size") == strconv.FormatInt(count, 10) {
		io.WriteString(w, "checked\n")
		return
	}
	if strings.HasPrefix(r.URL.Path, "/panics") {
		panic("body md5 not equal")
	}
	http.Error(w, "body md5 not equal", http.StatusBadRequest)
}

func give(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("announced") == "true" {
		w.Header().Set("Trailer", "Md5, Size")
	}
	io.WriteString(w, *content)
	// Flushed, so that it is chunked.
	w.(http.Flusher).Flush()
	// The prefix is how Go sends trailers that were not announced.
	prefix := http.TrailerPrefix
	if query.Get("announced") == "true" {
		prefix = ""
	}
	sum := md5.Sum([]byte(*content))
	switch query.Get("md5") {
	case "right":
		w.Header().Set(prefix+"Md5", hex.EncodeToString(sum[:]))
	case "wrong":
		w.Header().Set(prefix+"Md5", strings.Repeat("0", 32))
	}
	switch query.Get("size") {
	case "right":
		w.Header().Set(prefix+"Size", strconv.Itoa(len(*content)))
	case "wrong":
		w.Header().Set(prefix+"Size", strconv.Itoa(len(*content)+1))
	}
}
