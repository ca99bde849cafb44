import CLinux

/// The words this process was called with.
public enum ProcessArguments {
  /// All of them, as bytes; the first is the program's name as the caller gave it.
  ///
  /// Not `CommandLine`: that reads /proc, and has no arguments in a chroot without it.
  public static var all: [[UInt8]] {
    (0..<clinux_argument_count()).map { [UInt8](cString: clinux_argument($0)) }
  }
}
