"""Side-by-side measurements of this package and Hugging Face PEFT; `README.md` says how to read them."""
