"""The Log10 dialect: gate, wire, client, sync, import, demo."""
