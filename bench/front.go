package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// frontConf is docs/proxy.md's nginx, with one worker as there is one processor, and
// nothing logged. Whatever it does not name is nginx's default.
var frontConf = template.Must(template.New("nginx.conf").Parse(`daemon off;
worker_processes 1;
worker_rlimit_nofile {{.Files}};
pid {{.Dir}}/pid;
error_log stderr error;
events {
	worker_connections {{.Connections}};
	multi_accept on;
}
http {
	access_log off;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	server {
		listen {{.Listen}} ssl backlog=4096;
		ssl_certificate {{.Cert}};
		ssl_certificate_key {{.Key}};
		ssl_protocols TLSv1.2 TLSv1.3;
		location / {
			proxy_pass http://{{.Server}};
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection upgrade;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_buffering off;
			proxy_read_timeout 75s;
			proxy_send_timeout 75s;
		}
	}
}
`))

// findNginx looks in /usr/sbin too, which a user's PATH often lacks.
func findNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNginx
}

// putInFront starts an nginx that does TLS for the server: clients go to it from then on,
// and it counts as part of the server.
func (s *server) putInFront(ctx context.Context, c *certificate, clients int, on cores,
	ended func(error)) error {
	program, err := findNginx()
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	conf := filepath.Join(s.dir, "nginx.conf")
	f, err := os.Create(conf)
	if err != nil {
		return fmt.Errorf("make nginx.conf: %w", err)
	}
	err = frontConf.Execute(f, struct {
		Files, Connections             int
		Dir, Listen, Cert, Key, Server string
	}{frontFiles(clients), frontFiles(clients) * 9 / 8, s.dir, addr, c.cert, c.key, s.public})
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write nginx.conf: %w", err)
	}
	s.front, err = startProcess("nginx", launch{path: program, cores: on, gently: true,
		args: []string{"-p", s.dir, "-e", "stderr", "-c", conf},
		log:  filepath.Join(s.dir, "nginx.log")})
	if err != nil {
		return err
	}
	s.front.watch(ended)
	err = await(ctx, "nginx", func(context.Context) (bool, error) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false, nil // it does not listen yet
		}
		return true, conn.Close()
	})
	s.public = addr
	return err
}

// frontFiles is how many descriptors nginx needs: two for each stream, and some.
//
// Of its table of connections nginx wants a sixteenth to be free, or it closes those whose
// handshake is not over yet.
func frontFiles(clients int) int { return 2*clients + fdSpare }

// freeAddr is one to listen on, for who does not choose by itself.
func freeAddr() (string, error) {
	endpoint, err := freeEndpoint()
	return strings.TrimPrefix(endpoint, "tcp://"), err
}
