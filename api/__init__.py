"""What programs call: Winnow over HTTP."""
