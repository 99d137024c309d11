"""The administrators' pages about WhatsApp and Messenger: our addresses there, and templates."""
