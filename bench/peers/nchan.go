package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/template"
	"time"
)

// nginx's descriptors: both ends of the sockets, and some.
const (
	nginxConnections = 65_536
	nginxFiles       = 2 * nginxConnections
)

// nchanModules are where distributions put it.
var nchanModules = []string{
	"/usr/lib/nginx/modules/ngx_nchan_module.so",
	"/usr/lib64/nginx/modules/ngx_nchan_module.so",
	"/usr/local/libexec/nginx/ngx_nchan_module.so",
}

//go:embed nginx.conf.tmpl
var nginxConf string

var nginxTemplate = template.Must(template.New("nginx.conf").Parse(nginxConf))

// An nginxSetting is what the template is filled with.
type nginxSetting struct {
	Module, Dir, Listen string
	Connections, Files  int
}

func missingNchan() error {
	if _, err := findNginx(); err != nil {
		return err
	}
	_, err := findNchan()
	return err
}

// findNginx looks in /usr/sbin too, which a user's PATH often lacks.
func findNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNginx
}

func findNchan() (string, error) {
	for _, path := range nchanModules {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errNchan
}

// runNchan starts an nginx of its own in a temporary directory and publishes the
// ticks to it. A client names its channels in the URL: nchan takes no requests
// after the handshake, so it can't speak the text dialect.
func runNchan(ctx context.Context, o options, ready func(string)) error {
	dir, err := os.MkdirTemp("", "peers-nchan-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	defer os.RemoveAll(dir)
	addr, err := freeAddr(o.Listen)
	if err != nil {
		return err
	}
	cmd, err := startNginx(o, dir, addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cancel(fmt.Errorf("nginx ended: %w", errors.Join(errNotReady, cmd.Wait())))
	}()
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		<-ended
	}()
	if err := waitFor(ctx, addr); err != nil {
		return err
	}
	ready(addr)
	p := &nchanPublisher{
		socket: filepath.Join(dir, "pub"), channels: map[string]*nchanChannel{}, log: o.Stderr,
	}
	defer p.close()
	err = subscribe(ctx, o, p)
	p.tally.tell(o.Stderr, "nchan")
	if cause := context.Cause(ctx); errors.Is(cause, errNotReady) {
		return cause
	}
	return err
}

// freeAddr fills in port 0, which nginx doesn't know.
func freeAddr(listen string) (string, error) {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}

func startNginx(o options, dir, addr string) (*exec.Cmd, error) {
	nginx, err := findNginx()
	if err != nil {
		return nil, err
	}
	module, err := findNchan()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	f, err := os.Create(conf)
	if err != nil {
		return nil, fmt.Errorf("write nginx.conf: %w", err)
	}
	set := nginxSetting{module, dir, addr, nginxConnections, nginxFiles}
	if err := errors.Join(nginxTemplate.Execute(f, set), f.Close()); err != nil {
		return nil, fmt.Errorf("write nginx.conf: %w", err)
	}
	// No context: nginx is asked to end, not killed, so that its worker goes too.
	cmd := exec.Command(nginx, "-p", dir, "-e", "stderr", "-c", conf)
	cmd.Stderr = o.Stderr
	cmd.WaitDelay = stopTimeout
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	return cmd, nil
}

// waitFor waits until addr accepts.
func waitFor(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: %w", errNotReady, context.Cause(ctx), err)
		case <-time.After(pollEvery):
		}
	}
}

// channelPath is the path under which a token is published.
func channelPath(token string) string { return "/pub/" + url.PathEscape(token) }
