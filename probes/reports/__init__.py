"""Results to take away: one page that opens anywhere, a summary, and a file of claims that can be checked again."""
