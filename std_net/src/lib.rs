//! std_net.
