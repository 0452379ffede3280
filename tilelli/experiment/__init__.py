"""Experiments: a plan says what is compared, runs leave records, and a report is made of the records alone."""
