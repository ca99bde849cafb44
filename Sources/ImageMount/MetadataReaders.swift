import Glibc
import Posix
import SquashFS
import Synchronization

/// Readers of one image's metadata, each used by one thread at a time. They share what they unpack.
final class MetadataReaders: Sendable {
  /// What a request wants to know.
  ///
  /// - Returns: what answers it, without waiting for anything.
  typealias Search = @Sendable (Image) throws(ImageReadError) -> Reply
  typealias Reply = () -> Void

  /// What all readers keep unpacked together, in bytes.
  private static let cacheSize = 24 << 20

  private let state: Mutex<Shared>
  /// Whether a search may wait for a network, so that interruptions must end it.
  private let mayWait: Bool

  private struct Shared {
    var idle: [Reader] = []
    /// Searches for which there was no reader.
    var waiting: [Call] = []
  }

  private final class Reader: @unchecked Sendable {
    let image: Image
    let cancellation: Cancellation

    init(_ image: Image, _ cancellation: Cancellation) {
      self.image = image
      self.cancellation = cancellation
    }
  }

  private final class Call: Sendable {
    let request: Request
    let search: Search
    let fail: @Sendable (ImageReadError) -> Void
    /// `nil` if nothing is waited for.
    let asker: InterruptibleRequest?

    init(
      _ request: Request, _ search: @escaping Search,
      _ fail: @escaping @Sendable (ImageReadError) -> Void, mayWait: Bool
    ) {
      self.request = request
      self.search = search
      self.fail = fail
      asker = mayWait ? InterruptibleRequest(request) : nil
    }
  }

  /// - Parameter count: the most searches at the same time.
  init(_ image: Image, count: Int) throws(ImageReadError) {
    let cache = MetadataCache(byteCount: Self.cacheSize)
    mayWait = image.input.wantsHints
    var shared = Shared()
    for _ in 0..<count {
      let cancellation = Cancellation()
      shared.idle.append(
        Reader(try Image(image, sharing: cache, until: cancellation), cancellation))
    }
    state = Mutex(shared)
  }

  /// Answers a request: in this thread, or in one that answers others if all readers are in use. So
  /// nobody waits for a reader, and a thread is free to hear of interruptions.
  ///
  /// - Parameter fail: answers if the search fails.
  func answer(
    _ request: Request, fail: @escaping @Sendable (ImageReadError) -> Void,
    _ search: @escaping Search
  ) {
    var call = Call(request, search, fail, mayWait: mayWait)
    guard call.asker?.begin() ?? true, let reader = take(for: call) else { return }
    while true {
      let reply = reply(to: call, reader)
      let next = giveBack(reader)
      reply()
      guard let next else { return }
      call = next
    }
  }

  private func reply(to call: Call, _ reader: Reader) -> Reply {
    reader.cancellation.reset()
    guard call.asker?.work(until: reader.cancellation) ?? true else { return {} }
    let found = Result { () throws(ImageReadError) in try call.search(reader.image) }
    _ = call.asker?.end()
    switch found {
    case .success(let reply): return reply
    case .failure(let error):
      let isInterrupted = reader.cancellation.isRequested
      return { isInterrupted ? call.request.fail(EINTR) : call.fail(error) }
    }
  }

  /// A reader that no other thread uses; `nil` if the call has to wait for one.
  private func take(for call: Call) -> Reader? {
    state.withLock { shared in
      if let reader = shared.idle.popLast() { return reader }
      shared.waiting.removeAll { $0.asker?.isAnswered ?? false }
      shared.waiting.append(call)
      return nil
    }
  }

  /// - Returns: a call that has waited, for which the reader stays in use.
  private func giveBack(_ reader: Reader) -> Call? {
    state.withLock { shared in
      if !shared.waiting.isEmpty { return shared.waiting.removeFirst() }
      shared.idle.append(reader)
      return nil
    }
  }
}
