"""Works on runs in the database: claims, writes, streams and ends them."""
