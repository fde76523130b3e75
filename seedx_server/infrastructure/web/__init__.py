"""HTTP: middleware, problem documents, shared dependencies."""
