package import HTTP
package import ObjectStore
import Posix
import SquashFS
import Synchronization

/// The objects in buckets and on the web that this program reads.
///
/// An object that is named twice is opened once, so that all of a command's work sees one version.
package enum RemoteObjects {
  private static let state = Mutex(State())

  private struct State {
    var options = StoreOptions()
    var tellWait: WaitReport = { _, _ in }
    var cache: ObjectCache?
    var policy = RetryPolicy()
    var limits = RangeReader.Limits()
    var store: Store?
    var open: [[UInt8]: RemoteObject] = [:]
  }

  /// Says how to reach stores, beyond what the environment says; before anything is opened.
  ///
  /// - Parameters:
  ///   - cache: where to keep what is read.
  ///   - policy: when to try again.
  ///   - limits: of each object's reader.
  package static func configure(
    _ options: StoreOptions, cache: ObjectCache? = nil, policy: RetryPolicy = RetryPolicy(),
    limits: RangeReader.Limits = RangeReader.Limits()
  ) {
    state.withLock {
      $0 = State(
        options: options, tellWait: $0.tellWait, cache: cache, policy: policy, limits: limits)
    }
  }

  /// Says whom to tell that a server's answer is late; before anything is opened.
  ///
  /// - Parameter body: called once, on any thread.
  package static func whenWaiting(_ body: @escaping WaitReport) {
    state.withLock { $0.tellWait = body }
  }

  /// Whether a name is that of an object rather than a file.
  package static func isRemote(_ name: [UInt8]) -> Bool { ObjectLocation.isRemote(name) }

  /// The store for all names.
  package static var store: Store {
    state.withLock { state in
      let store =
        state.store ?? Store(state.options, policy: state.policy, tellWait: state.tellWait)
      state.store = store
      return store
    }
  }

  /// Opens an object.
  ///
  /// - Parameter name: of one that `isRemote`.
  /// - Throws: `StoreError`.
  package static func open(_ name: [UInt8]) throws(StoreError) -> RemoteObject {
    if let object = state.withLock({ $0.open[name] }) { return object }
    guard let location = try ObjectLocation(parsing: name) else {
      throw StoreError(.invalid, "not in a bucket and not on the web")
    }
    if case .bucket(_, key: let key) = location, key.isEmpty || key.last == UInt8(ascii: "/") {
      throw StoreError(
        .invalid, "a folder, not an image; \"autosquash images \(name.shellWord)\" lists it")
    }
    let (cache, limits) = state.withLock { ($0.cache, $0.limits) }
    let object = try RemoteObject(location, in: store, limits: limits, cache: cache)
    state.withLock { $0.open[name] = object }
    return object
  }

  /// Forgets an object that nobody reads any more, with what was kept of it.
  package static func close(_ name: [UInt8]) {
    let object = state.withLock { $0.open.removeValue(forKey: name) }
    withExtendedLifetime(object) {}
  }

  /// The name for people: a URL without its query, which may be a secret.
  package static func shown(_ name: [UInt8]) -> [UInt8] {
    guard isRemote(name), !name.starts(with: "s3://".utf8) else { return name }
    return Array(name.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
  }
}
