"""Tests of training and of the gate."""
