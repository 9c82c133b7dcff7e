//! Text to addresses and back.
