import CLinux
import Glibc

/// Removes hidden temporary names when a signal or a lack of memory ends the program.
///
/// A handler may run at any time on any thread, so names and their storage are never freed.
enum Unlinking {
  struct Name {
    let path: UnsafeMutablePointer<CChar>?
    /// Where the path starts; open as long as the name exists.
    let start: Int32
    /// Whether there is something to remove.
    var isThere = true
    let next: Reminder?
  }
  typealias Reminder = UnsafeMutablePointer<Name>

  nonisolated(unsafe) private static var names: Reminder?
  nonisolated(unsafe) private static var count = 0
  /// The previous signal actions, kept while a name is remembered.
  nonisolated(unsafe) private static var previous: [Signals.Previous] = []

  static func remember(_ name: [UInt8], in start: Int32) -> Reminder {
    let reminder = Reminder.allocate(capacity: 1)
    reminder.initialize(to: Name(path: name.withCPath { strdup($0) }, start: start, next: names))
    names = reminder
    count += 1
    if count == 1 { setHandlers() }
    return reminder
  }

  /// Does nothing if it is already forgotten.
  static func forget(_ reminder: Reminder) {
    guard reminder.pointee.isThere else { return }
    reminder.pointee.isThere = false
    count -= 1
    guard count == 0 else { return }
    Signals.restore(previous)
    previous = []
  }

  private static func removeAll() {
    var name = names
    while let reminder = name {
      if reminder.pointee.isThere, let path = reminder.pointee.path {
        unlinkat(reminder.pointee.start, path, 0)
      }
      name = reminder.pointee.next
    }
  }

  private static func setHandlers() {
    clinux_when_out_of_memory(0, nil) { Unlinking.removeAll() }
    previous = Signals.handle { number in
      Unlinking.removeAll()
      Interruption.speak()
      Signals.die(of: number)
    }
  }
}
