"""The Log10 dialect: payloads (`wire`), the strict gate, the client, and the sync that uses them."""
