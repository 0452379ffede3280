"""Parts of the chat corpus: facts and wordings in tables, `split` says what may be learned, the rest make questions."""
