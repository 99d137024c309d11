"""The console's pages and the small answers that its scripts ask for."""
