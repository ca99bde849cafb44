/// What Linux takes, whatever a format has room for. Sizes are in bytes, without a NUL at the end.
public enum LinuxLimits {
  /// Of a name in a directory: NAME_MAX of include/uapi/linux/limits.h.
  public static let longestName = 255
  /// Of a path in one system call, and of a symbolic link's target: PATH_MAX of the same file.
  public static let longestPath = 4095
  /// How many symbolic links are followed on the way of one path: MAXSYMLINKS of
  /// include/linux/namei.h.
  public static let mostLinks = 40
  /// More levels of directories than a path of one system call can have, which are 2,048.
  public static let mostLevels = 3072
  /// Of an extended attribute's full name: XATTR_NAME_MAX of include/uapi/linux/limits.h.
  public static let longestXattrName = 255
  /// Of an extended attribute's value: XATTR_SIZE_MAX.
  public static let longestXattrValue = 65_536
  /// Of the list of a file's attributes, each name with a NUL: XATTR_LIST_MAX.
  public static let longestXattrList = 65_536
}
