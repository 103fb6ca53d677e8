"""How the embedded models were made: a generated corpus, a tokenizer, a training run, a measurement of the result."""
