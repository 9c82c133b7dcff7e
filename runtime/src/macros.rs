//! Trait impls that all socket types of `std_net` and `std_net_unix` share. They are for types with a private `fn
//! io(&self) -> &Io`. Only trait impls may come from these macros. A public method is written in the file of its type,
//! where a reader and `grep` find it.

/// Descriptor traits. `$adopt` makes the type from an `OwnedFd`.
#[doc(hidden)]
#[macro_export]
macro_rules! descriptor_traits {
    ($type:ident, $adopt:expr) => {
        impl $crate::AsIo for $type {
            fn as_io(&self) -> &$crate::Io {
                self.io()
            }
        }

        impl ::std::os::fd::AsFd for $type {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl ::std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                self.0.as_raw_fd()
            }
        }

        impl ::std::os::fd::IntoRawFd for $type {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                ::std::os::fd::OwnedFd::from(self).into_raw_fd()
            }
        }

        impl ::std::os::fd::FromRawFd for $type {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $type {
                // SAFETY: the caller owns the descriptor, by the contract of this method.
                $type::from(unsafe { ::std::os::fd::OwnedFd::from_raw_fd(fd) })
            }
        }

        impl ::std::convert::From<::std::os::fd::OwnedFd> for $type {
            fn from(fd: ::std::os::fd::OwnedFd) -> $type {
                $type(($adopt)(fd))
            }
        }

        impl ::std::convert::From<$type> for ::std::os::fd::OwnedFd {
            fn from(socket: $type) -> ::std::os::fd::OwnedFd {
                socket.0.into()
            }
        }
    };
}

/// Conversions from and to std's type of the same name, through the descriptor.
#[doc(hidden)]
#[macro_export]
macro_rules! std_traits {
    ($type:ident, $std:ty) => {
        impl ::std::convert::From<$std> for $type {
            fn from(socket: $std) -> $type {
                $type::from(::std::os::fd::OwnedFd::from(socket))
            }
        }

        impl ::std::convert::From<$type> for $std {
            fn from(socket: $type) -> $std {
                <$std>::from(::std::os::fd::OwnedFd::from(socket))
            }
        }
    };
}

/// `Read` and `Write` for a type and for shared references to it.
#[doc(hidden)]
#[macro_export]
macro_rules! stream_traits {
    ($type:ident) => {
        impl ::std::io::Read for &$type {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                self.io().recv(buf, 0)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                self.io().recv_vectored(bufs, 0)
            }
        }

        impl ::std::io::Write for &$type {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                self.io().send(buf, 0)
            }

            #[inline]
            fn write_all(&mut self, buf: &[u8]) -> ::std::io::Result<()> {
                self.io().send_all(buf)
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                self.io().send_vectored(bufs, 0)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }

        impl ::std::io::Read for $type {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl ::std::io::Write for $type {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(buf)
            }

            #[inline]
            fn write_all(&mut self, buf: &[u8]) -> ::std::io::Result<()> {
                (&*self).write_all(buf)
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}
