/// What Linux accepts, whatever a format has room for. Sizes are in bytes, without a final NUL.
public enum LinuxLimits {
  /// The longest name in a directory: NAME_MAX in include/uapi/linux/limits.h.
  public static let longestName = 255
  /// The longest path in one system call or symbolic link: PATH_MAX in the same file.
  public static let longestPath = 4095
  /// The most symbolic links followed in resolving one path: MAXSYMLINKS in
  /// include/linux/namei.h.
  public static let mostLinks = 40
  /// More directory levels than a path of one system call can have, which are 2,048.
  public static let mostLevels = 3072
  /// The longest full name of an extended attribute: XATTR_NAME_MAX in the same limits.h.
  public static let longestXattrName = 255
  /// The longest value of an extended attribute: XATTR_SIZE_MAX.
  public static let longestXattrValue = 65_536
  /// The longest list of a file's attribute names, each with a NUL: XATTR_LIST_MAX.
  public static let longestXattrList = 65_536
}
