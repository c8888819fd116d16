package main

import (
	"context"
	"errors"
	"io"
)

func runCheckConfig(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return errors.New("not there yet")
}
