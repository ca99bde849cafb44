package import ArgumentParser
package import Listings

extension ListKey: EnumerableFlag {
  package static func name(for value: ListKey) -> NameSpecification {
    switch value {
    case .time: .customShort("t")
    case .size: .customShort("S")
    }
  }

  package static func help(for value: ListKey) -> ArgumentHelp? {
    switch value {
    case .time: "Sort by time, newest first."
    case .size: "Sort by size, largest first."
    }
  }
}
