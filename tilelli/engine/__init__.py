"""Engines that run a checkpoint without PyTorch."""
