extension Listing {
  /// What is shown of files.
  package struct Options {
    /// Mode, links, owner, group, size and time too.
    package var isLong = false
    /// Times with seconds and zone.
    package var hasFullTimes = false
    /// Names that begin with a dot too.
    package var showsAll = false
    package var isJSON = false
    package var isRecursive = false
    package var isHumanReadable = false
    /// Directories themselves, not what is in them.
    package var showsDirectoriesThemselves = false
    /// What symbolic links lead to, not the links.
    package var dereferences = false
    /// Another order than by name.
    package var order: ListOrder?
    /// The width of a terminal, where names stand side by side.
    package var columns: Int?

    package init() {}
  }
}
