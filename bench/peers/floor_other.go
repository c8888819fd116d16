//go:build !linux

package main

import "context"

func missingFloor() error { return errLinux }

func runFloor(context.Context, options, func(string)) error { return errLinux }
