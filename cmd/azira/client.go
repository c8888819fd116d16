package main

import (
	"context"
	"errors"
	"io"
)

func runClient(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return errors.New("not there yet")
}
