extension Listing {
  /// What to show about files.
  package struct Options {
    /// Also mode, links, owner, group, size and time.
    package var isLong = false
    /// Times with seconds and zone.
    package var hasFullTimes = false
    /// Also names that begin with a dot.
    package var showsAll = false
    package var isJSON = false
    package var isRecursive = false
    package var isHumanReadable = false
    /// Directories themselves, not their contents.
    package var showsDirectoriesThemselves = false
    /// What symbolic links lead to, instead of the links.
    package var dereferences = false
    /// An order other than by name.
    package var order: ListOrder?
    /// The width of the terminal, for names side by side.
    package var columns: Int?

    package init() {}
  }
}
