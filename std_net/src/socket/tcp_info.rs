//! [`TcpInfo`]: what the kernel knows about a TCP connection. `options` sets what the kernel does with
//! it.

use std::io;
use std::time::Duration;

use super::{Socket, TcpStream};

/// The state of a TCP connection and what it has measured, at one moment. Corresponds to `TCP_INFO`.
///
/// # Examples
///
/// ```
/// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
/// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
/// use std_net::socket::TcpState;
///
/// let info = stream.tcp_info()?;
/// assert_eq!(info.state, TcpState::Established);
/// println!("{:?} there and back, {} segments lost", info.rtt, info.lost);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// The state of the connection.
    pub state: TcpState,
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// How much the round-trip time varies.
    pub rtt_variance: Duration,
    /// The time after which unacknowledged data are sent again.
    pub retransmission_timeout: Duration,
    /// The largest segment that is sent, in bytes.
    pub send_mss: u32,
    /// The largest segment that is received, in bytes.
    pub recv_mss: u32,
    /// How many segments may be on their way at once: the congestion window.
    pub congestion_window: u32,
    /// How many segments are sent and not acknowledged.
    pub unacknowledged: u32,
    /// How many segments seem to be lost.
    pub lost: u32,
    /// How many segments were sent again since the connection began.
    pub retransmitted: u32,
    /// How often in a row the oldest segment was sent again without an acknowledgement.
    pub attempts: u8,
    /// How long ago data were last sent.
    pub last_sent: Duration,
    /// How long ago data were last received.
    pub last_received: Duration,
    /// How many bytes the peer may send at once: the receive window that the peer is told.
    pub recv_space: u32,
}

/// The state of a TCP connection (RFC 9293, section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TcpState {
    /// Data go both ways.
    Established,
    /// This side has begun to connect.
    SynSent,
    /// The connection is being accepted.
    SynReceived,
    /// This side has ended, and the peer has not acknowledged this.
    FinWait1,
    /// This side has ended, and the peer has acknowledged this.
    FinWait2,
    /// Both sides have ended. The socket waits for packets that may still be under way.
    TimeWait,
    /// The socket is not connected.
    Closed,
    /// The peer has ended; this side has not.
    CloseWait,
    /// Both sides have ended, and the peer has not acknowledged this.
    LastAck,
    /// The socket listens.
    Listen,
    /// Both sides have ended at the same time.
    Closing,
    /// A state that this version does not know.
    Other(u8),
}

impl TcpState {
    /// Converts the numbers of `linux/tcp_states.h`.
    fn new(number: u8) -> TcpState {
        match number {
            1 => TcpState::Established,
            2 => TcpState::SynSent,
            3 | 12 => TcpState::SynReceived,
            4 => TcpState::FinWait1,
            5 => TcpState::FinWait2,
            6 => TcpState::TimeWait,
            7 => TcpState::Closed,
            8 => TcpState::CloseWait,
            9 => TcpState::LastAck,
            10 => TcpState::Listen,
            11 => TcpState::Closing,
            other => TcpState::Other(other),
        }
    }
}

impl Socket {
    /// Returns what the kernel knows about this TCP connection: `TCP_INFO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`, which is `EOPNOTSUPP` or `ENOPROTOOPT` if the socket is not a TCP
    /// connection.
    #[doc(alias = "TCP_INFO")]
    pub fn tcp_info(&self) -> io::Result<TcpInfo> {
        let info = self.0.tcp_info()?;
        let micros = |n: u32| Duration::from_micros(n.into());
        let millis = |n: u32| Duration::from_millis(n.into());
        Ok(TcpInfo {
            state: TcpState::new(info.tcpi_state),
            rtt: micros(info.tcpi_rtt),
            rtt_variance: micros(info.tcpi_rttvar),
            retransmission_timeout: micros(info.tcpi_rto),
            send_mss: info.tcpi_snd_mss,
            recv_mss: info.tcpi_rcv_mss,
            congestion_window: info.tcpi_snd_cwnd,
            unacknowledged: info.tcpi_unacked,
            lost: info.tcpi_lost,
            retransmitted: info.tcpi_total_retrans,
            attempts: info.tcpi_retransmits,
            last_sent: millis(info.tcpi_last_data_sent),
            last_received: millis(info.tcpi_last_data_recv),
            recv_space: info.tcpi_rcv_space,
        })
    }
}

impl TcpStream {
    /// Returns what the kernel knows about this connection: see [`Socket::tcp_info`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn tcp_info(&self) -> io::Result<TcpInfo> {
        self.0.tcp_info()
    }
}
