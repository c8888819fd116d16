package soak

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"azira/client"
)

const (
	feedTimeout = 30 * time.Second // until the server has a feed again that came back
	backupsKept = 3
	restoreNth  = 5 // checkpoints to a restore
)

// startFeed starts the feed where it was before.
func (w *world) startFeed() (err error) {
	w.feed, err = start(w.bin, filepath.Join(w.dir, "feed.log"), "feed", "--pub", "tcp://"+w.pub,
		"--control", "tcp://"+w.control, "--tokens", fmt.Sprint(tokenCount),
		"--rate", fmt.Sprint(tickRate), "--seed", fmt.Sprint(w.seed%1000+1))
	return err
}

// unfeed kills, ends and stops the feed, and has it back.
func (w *world) unfeed(rnd *rand.Rand) {
	for w.pause(rnd, w.scaled(75*time.Second)) {
		how, away := rnd.IntN(4), time.Duration(200+rnd.IntN(4000))*time.Millisecond
		var err error
		switch how {
		case 0: // it hangs: ticks come late, none is lost
			err = w.feed.signal(syscall.SIGSTOP)
			time.Sleep(away)
			if err == nil {
				err = w.feed.signal(syscall.SIGCONT)
			}
		case 1:
			err = w.feed.stop(syscall.SIGTERM)
		default:
			w.feed.kill()
		}
		if err != nil {
			w.fault("feed: %v\n%s", err, tail(w.feed.log))
		}
		if how != 0 {
			time.Sleep(away)
			if err := w.startFeed(); err != nil {
				w.fault("feed: %v", err)
				return
			}
		}
		if !w.fed() {
			w.fault("the feed is back for %v, the server has no ticks", feedTimeout)
			continue
		}
		w.did.feeds.Add(1)
	}
}

// fed waits until ticks come in.
func (w *world) fed() bool {
	was, err := w.admin.metrics()
	for end := time.Now().Add(feedTimeout); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var p page
		if p, err = w.admin.metrics(); err == nil && p["azira_feed_live"] == 1 &&
			p["azira_ticks_in_total"] > was["azira_ticks_in_total"] {
			return true
		}
	}
	return false
}

// backUp makes checkpoints, restores some, and removes all but the newest.
func (w *world) backUp(rnd *rand.Rand) {
	for w.pause(rnd, w.scaled(90*time.Second)) {
		n := w.did.checkpoints.Load() + 1
		p, err := w.admin.call("POST", fmt.Sprintf("/checkpoint?name=soak-%d", n), "", 201)
		var made struct{ Dir string }
		if err == nil {
			err = json.Unmarshal(p, &made)
		}
		if err != nil || made.Dir == "" {
			w.fault("checkpoint %d: %v: %s", n, err, p)
			continue
		}
		w.did.checkpoints.Add(1)
		if n%restoreNth == 1 {
			if err := w.restore(made.Dir); err != nil {
				w.fault("restore of checkpoint %d: %v", n, err)
			} else {
				w.did.restores.Add(1)
			}
		}
		if w.kept = append(w.kept, made.Dir); len(w.kept) > backupsKept {
			os.RemoveAll(w.kept[0])
			w.kept = w.kept[1:]
		}
	}
}

// restore makes a data directory of a checkpoint and has a server of its own answer
// from it: the account is there.
func (w *world) restore(from string) error {
	dir, err := os.MkdirTemp(w.dir, "restored-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	cmd := exec.Command(w.bin, "restore", "--from", from, "--data", data)
	cmd.Env = plainEnviron()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "ok: ") {
		return fmt.Errorf("%w: %s", err, out)
	}
	p, err := start(w.bin, filepath.Join(dir, "log"), "serve", "--listen", "127.0.0.1:0",
		"--admin", "127.0.0.1:0", "--feed", "", "--ring-bytes", ringBytes, "--data", data)
	if err != nil {
		return err
	}
	auth, err := client.NewAuth(strings.Fields(p.ready)[2])
	if err != nil {
		return err
	}
	defer auth.Close()
	if _, err := auth.Login(w.unrest, "steady", password); err != nil && w.unrest.Err() == nil {
		return fmt.Errorf("%w\n%s", err, tail(p.log))
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		return fmt.Errorf("its server: %w\n%s", err, tail(p.log))
	}
	return nil
}
