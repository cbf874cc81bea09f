"""The Log10 dialect: gate, wire, guard, client, sync, import, demo."""
