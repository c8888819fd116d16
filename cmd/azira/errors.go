package main

import (
	"errors"
	"fmt"
)

// What client and demo say in one line.
var (
	errInterrupted = errors.New("interrupted") // before there was anything to end well
	errNoUser      = fmt.Errorf("%w: no account named: give --user or AZIRA_USER", errUsage)
	errNoPassword  = fmt.Errorf("%w: no password: give --password-file or AZIRA_PASSWORD", errUsage)
	errNotSame     = errors.New("the two passwords are not the same")
	errNotDeleted  = errors.New("not the name: nothing is deleted")
	errPortTaken   = errors.New("address in use")
	errFeedEnded   = errors.New("the feed has ended")
	errServeEnded  = errors.New("the server has ended")
	errNoTicks     = errors.New("no tick came through")

	errNoAdminPort = errors.New("this is no admin port of azira")
)
