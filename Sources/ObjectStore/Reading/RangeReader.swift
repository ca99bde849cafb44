package import Posix

/// Reads a distant object of known length at random, by a few large requests side by side.
///
/// It keeps what it fetched, within bounds. What is announced gets fetched ahead, in that order.
/// Whoever reads on where a reading ended gets more and more fetched ahead, too; whoever jumps about
/// gets little. Any number of threads may read.
package final class RangeReader: @unchecked Sendable {
  package let length: UInt64
  private let limits: Limits
  /// Pieces that never go away: an image's tables are at its ends.
  private let pinned: [(start: UInt64, bytes: [UInt8])]
  /// Units that need not be fetched.
  private let cached: CachedObject?
  private let fetch: @Sendable (Range<UInt64>) throws(StoreError) -> [UInt8]

  /// How often one who waits looks whether he still should, in milliseconds.
  private static let patience = 50

  private static let changed = 0
  private static let workReady = 1
  private let monitor = Monitor(conditions: 2)
  // Guarded by `monitor`.
  private var parts: [UInt64: Part] = [:]
  private var queue: [Part] = []
  private var bytesKept: UInt64 = 0
  private var clock: UInt64 = 0
  private var streams: [Stream] = []
  private var plan: ReadPlan?
  private var misses = RecentMisses()
  /// Of the bytes kept, those in parts that nobody has read from.
  private var bytesUnread: UInt64 = 0
  private var threads = 0
  private var idle = 0
  private var isClosed = false

  /// - Parameters:
  ///   - length: of the object, in bytes; at most `Int64.max`.
  ///   - pinned: what is known already.
  ///   - cached: what is on disk; its chunks become the units.
  ///   - fetch: gets exactly these bytes; several threads call it at the same time.
  package init(
    length: UInt64, pinned: [(start: UInt64, bytes: [UInt8])] = [], cached: CachedObject? = nil,
    limits: Limits = Limits(),
    fetch: @escaping @Sendable (Range<UInt64>) throws(StoreError) -> [UInt8]
  ) {
    self.length = length
    self.pinned = pinned
    self.cached = cached
    var limits = limits
    if cached != nil { limits.unit = CachedObject.chunkSize }
    self.limits = limits
    self.fetch = fetch
  }

  /// Lets the threads end; nothing may be read after that.
  package func close() {
    monitor.withLock {
      isClosed = true
      queue.removeAll()
      monitor.broadcast(Self.workReady)
    }
  }

  // MARK: Reading

  /// Fills `buffer` from `offset` on; reads less only at the end.
  ///
  /// - Parameter cancellation: ends the waiting, with an error.
  /// - Returns: the number of bytes read.
  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64,
    until cancellation: Cancellation? = nil
  ) throws(StoreError) -> Int {
    guard offset < length else { return 0 }
    let end = offset + min(UInt64(buffer.count), length - offset)
    var position = offset
    while position < end {
      let rest = UnsafeMutableRawBufferPointer(
        rebasing: buffer[Int(position - offset)..<Int(end - offset)])
      var count = copyPinned(rest, at: position)
      if count == 0 { count = copyCached(rest, at: position) }
      if count == 0 { count = try copyFetched(rest, at: position, until: cancellation) }
      position += UInt64(count)
    }
    return Int(end - offset)
  }

  /// Has bytes fetched that will be read soon.
  package func willRead(_ range: Range<UInt64>) {
    let range = range.clamped(to: 0..<length)
    guard !range.isEmpty else { return }
    guard range.count <= limits.ahead else { return willRead(inOrder: [range]) }
    monitor.withLock {
      clock += 1
      let isNews = units(of: range).contains(where: isMissing)
      request(range)
      readAhead(of: range, isNews: isNews)
    }
  }

  /// Has bytes fetched, as far ahead as the limits allow, that will be read in about this order.
  /// Replaces an earlier announcement of this kind.
  package func willRead(inOrder ranges: [Range<UInt64>]) {
    guard let plan = ReadPlan(ranges, unit: limits.unit, length: length) else { return }
    monitor.withLock {
      clock += 1
      self.plan = plan
      followPlan()
    }
  }

  private func copyPinned(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    for piece in pinned where piece.start <= offset {
      let skipped = offset - piece.start
      guard skipped < piece.bytes.count else { continue }
      let count = min(buffer.count, piece.bytes.count - Int(skipped))
      copy(piece.bytes, from: Int(skipped), count, to: buffer)
      return count
    }
    return 0
  }

  /// Copies what the disk has at `offset`, without waiting for the network.
  private func copyCached(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    let unit = offset / limits.unit
    guard let cached, monitor.withLock({ parts[unit] == nil }), let bytes = cached.read(unit) else {
      return 0
    }
    let skipped = Int(offset - unit * limits.unit)
    let count = min(buffer.count, bytes.count - skipped)
    copy(bytes, from: skipped, count, to: buffer)
    monitor.withLock {
      clock += 1
      if parts[unit] == nil {
        let start = unit * limits.unit
        let part = Part(start..<start + UInt64(bytes.count), now: clock)
        part.state = .here(bytes)
        part.wasRead = true
        keep(part)
      }
      readAhead(of: offset..<offset + UInt64(count), isNews: false)
    }
    return count
  }

  /// Copies what the part at `offset` has; waits for it.
  private func copyFetched(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, until cancellation: Cancellation?
  ) throws(StoreError) -> Int {
    let (part, state): (Part, Part.State) = monitor.withLock {
      clock += 1
      let wanted = offset..<offset + UInt64(buffer.count)
      let isNews = units(of: wanted).contains(where: isMissing)
      let unit = offset / limits.unit
      // It stays, whatever else is fetched.
      parts[unit]?.lastUse = clock
      request(wanted, isUrgent: true)
      if parts[unit] == nil {
        // What the disk has of it is damaged, or came this moment.
        add(unit * limits.unit..<min((unit + 1) * limits.unit, length), nil, true)
      }
      let part = parts[unit]!
      part.readers += 1
      if !part.wasRead {
        part.wasRead = true
        bytesUnread -= UInt64(part.range.count)
      }
      if let planned = part.planned {
        plan?.note(read: planned)
        followPlan()
      } else {
        readAhead(of: wanted, isNews: isNews)
      }
      if isNews && limits.around > 0 { requestAround(offset) }
      while true {
        switch part.state {
        case .here, .failed: return (part, part.state)
        case .waiting, .inFlight:
          if cancellation?.isRequested == true { return (part, part.state) }
          monitor.wait(on: Self.changed, atMost: Self.patience)
        }
      }
    }
    defer { monitor.withLock { part.readers -= 1 } }
    switch state {
    case .failed(let error):
      monitor.withLock { forget(part) }
      throw error
    case .here(let bytes):
      let skipped = Int(offset - part.range.lowerBound)
      let count = min(buffer.count, bytes.count - skipped)
      copy(bytes, from: skipped, count, to: buffer)
      return count
    case .waiting, .inFlight: throw StoreError(.unreachable, "reading was interrupted")
    }
  }

  // MARK: Planning; all under the lock

  /// Requests what the reader of these bytes will probably want next.
  ///
  /// - Parameter isNews: whether they were missing: who reads what is here already, or planned, does
  ///   not ask for more.
  private func readAhead(of wanted: Range<UInt64>, isNews: Bool) {
    // Files of an image are read in order, but not without gaps.
    let slack = 4 * limits.unit
    let known = streams.firstIndex {
      $0.next <= wanted.lowerBound + slack && wanted.lowerBound <= $0.next + slack
    }
    guard let known else {
      if isNews { begin(Stream(next: wanted.upperBound, window: 0, end: length, lastUse: clock)) }
      return
    }
    streams[known].lastUse = clock
    streams[known].next = max(streams[known].next, wanted.upperBound)
    let stream = streams[known]
    guard isNews || stream.window > 0 && needsMore(stream) else { return }
    streams[known].window = min(max(2 * stream.window, 4 * limits.unit), limits.stream)
    let end = min(stream.next + streams[known].window, stream.end)
    if stream.next < end { request(stream.next..<end) }
  }

  private func requestAround(_ offset: UInt64) {
    let range = RecentMisses.range(
      around: offset, misses: misses.note(now: Process.now), unit: limits.unit,
      most: limits.around, length: length)
    if let range { request(range) }
  }

  private func begin(_ stream: Stream) {
    if streams.count == 16 {
      let oldest = streams.indices.min { streams[$0].lastUse < streams[$1].lastUse }!
      streams.remove(at: oldest)
    }
    streams.append(stream)
  }

  /// Whether less than half of the window is on its way.
  private func needsMore(_ stream: Stream) -> Bool {
    let middle = stream.next + stream.window / 2
    return middle < stream.end && isMissing(middle / limits.unit)
  }

  private func isMissing(_ unit: UInt64) -> Bool {
    parts[unit] == nil && !isPinned(unit) && cached?.has(unit) != true
  }

  /// Requests what comes next of the announced bytes.
  private func followPlan() {
    while let (range, planned) = plan?.next(limits) {
      request(range, planned: planned)
      // Nobody will read from a part if all of it is here already.
      if units(of: range).allSatisfy({ parts[$0] == nil }) { plan?.note(read: planned) }
    }
  }

  /// Makes parts for all units of a range that have none, in requests of at most `limits.part`.
  ///
  /// - Parameters:
  ///   - planned: the bytes of the plan up to the end of the range.
  ///   - isUrgent: whether somebody waits for them.
  private func request(
    _ range: Range<UInt64>, planned: UInt64? = nil, isUrgent: Bool = false
  ) {
    var unit = range.lowerBound / limits.unit
    let end = (range.upperBound + limits.unit - 1) / limits.unit
    while unit < end {
      if let part = parts[unit] {
        part.planned = planned ?? part.planned
        if isUrgent { hurry(part) }
      }
      guard isMissing(unit) else {
        unit += 1
        continue
      }
      var last = unit + 1
      while last < end, isMissing(last), (last - unit) * limits.unit < limits.part { last += 1 }
      add(unit * limits.unit..<min(last * limits.unit, length), planned, isUrgent)
      unit = last
    }
  }

  /// Has a part fetched before others that wait.
  private func hurry(_ part: Part) {
    guard case .waiting = part.state, let place = queue.firstIndex(where: { $0 === part }) else {
      return
    }
    queue.remove(at: place)
    queue.insert(part, at: 0)
  }

  private func isPinned(_ unit: UInt64) -> Bool {
    let start = unit * limits.unit
    let end = min(start + limits.unit, length)
    return pinned.contains { $0.start <= start && end <= $0.start + UInt64($0.bytes.count) }
  }

  private func add(_ range: Range<UInt64>, _ planned: UInt64?, _ isUrgent: Bool) {
    let part = Part(range, now: clock)
    part.planned = planned
    bytesUnread += UInt64(range.count)
    keep(part)
    queue.insert(part, at: isUrgent ? 0 : queue.count)
    if idle > 0 {
      monitor.signal(Self.workReady)
    } else if threads < limits.requests {
      startThread()
    }
  }

  private func keep(_ part: Part) {
    for unit in units(of: part.range) { parts[unit] = part }
    bytesKept += UInt64(part.range.count)
    makeRoom()
  }

  private func units(of range: Range<UInt64>) -> Range<UInt64> {
    range.lowerBound / limits.unit..<(range.upperBound + limits.unit - 1) / limits.unit
  }

  private func forget(_ part: Part) {
    guard parts[part.range.lowerBound / limits.unit] === part else { return }
    for unit in units(of: part.range) { parts[unit] = nil }
    bytesKept -= UInt64(part.range.count)
    if !part.wasRead { bytesUnread -= UInt64(part.range.count) }
  }

  /// Forgets what has not been used for longest. What was fetched ahead is older than what has been
  /// read since, but more useful; it goes only if there is too much of it.
  private func makeRoom() {
    while bytesKept > limits.memory {
      let keepsUnread = bytesUnread <= limits.ahead + limits.part
      var oldest: Part?
      var oldestOther: Part?
      for part in parts.values where part.readers == 0 && part.lastUse < clock {
        switch part.state {
        case .waiting, .inFlight: continue
        case .here, .failed:
          if part.wasRead == keepsUnread {
            if part.lastUse < oldest?.lastUse ?? .max { oldest = part }
          } else {
            if part.lastUse < oldestOther?.lastUse ?? .max { oldestOther = part }
          }
        }
      }
      guard let part = oldest ?? oldestOther else { return }
      forget(part)
    }
  }

  // MARK: Fetching

  private func startThread() {
    do {
      let thread = try WorkerThread { [self] in serve() }
      thread.detach()
      threads += 1
    } catch {
      guard threads == 0 else { return }
      for part in queue { part.state = .failed(StoreError(.unreachable, "\(error)")) }
      queue.removeAll()
    }
  }

  private func serve() {
    while let part = next() {
      let state: Part.State
      do throws(StoreError) {
        let bytes = try fetch(part.range)
        state =
          bytes.count == part.range.count
          ? .here(bytes) : .failed(StoreError(.badAnswer, "the server sent another range"))
      } catch { state = .failed(error) }
      monitor.withLock {
        part.state = state
        // Who reads it later gets a new try, not an old error.
        if case .failed = state, part.readers == 0 { forget(part) }
        monitor.broadcast(Self.changed)
      }
    }
  }

  private func next() -> Part? {
    monitor.withLock {
      while queue.isEmpty && !isClosed {
        idle += 1
        monitor.wait(on: Self.workReady)
        idle -= 1
      }
      guard !isClosed else { return nil }
      let part = queue.removeFirst()
      part.state = .inFlight
      return part
    }
  }
}
