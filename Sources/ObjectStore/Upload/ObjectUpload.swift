package import HTTP
import Posix
import Synchronization

/// An upload of one object, which gets its name when it is complete, and not before.
///
/// Parts may come in any order; part 1 alone goes by a single request. One thread at a time may use it.
package final class ObjectUpload {
  private let target: UploadTarget
  private let parts: PartsUnderWay
  private var pool: TaskPool<Void>?
  private var uploadID: String?
  /// Part 1, as long as it may be the whole object.
  private var onlyPart: HTTPBody?
  private var numbers: Set<Int> = []
  private var isOver = false
  private let ignoresConditions = Flag()

  /// The error for an object that is another's as soon as it is there.
  package static let overtaken = UploadTarget.overtaken

  /// - Parameter location: of an object in a bucket.
  /// - Throws: `StoreError` with the code `invalid` for another location.
  package init(
    to location: ObjectLocation, in store: Store, if condition: UploadCondition = .absent,
    _ options: UploadOptions = UploadOptions()
  ) throws(StoreError) {
    target = try UploadTarget(location, in: store, condition, options)
    parts = PartsUnderWay(most: options.mostInFlight)
  }

  /// Makes sure that the condition holds now, before there is work to lose.
  ///
  /// - Throws: `StoreError` with the code `exists` or `replaced` if it does not.
  package func checkCondition() throws(StoreError) { try target.checkCondition() }

  /// Sends a part; waits while too many are on their way.
  ///
  /// - Parameters:
  ///   - body: from 5 MiB to 5 GiB; the last part may be shorter. All but the last, and perhaps the
  ///     first, should have one size.
  ///   - number: from 1 to 10,000, each once.
  /// - Throws: the first `StoreError` of any part. Then `abort` is due.
  package func send(_ body: HTTPBody, asPart number: Int) throws(StoreError) {
    guard !isOver, (1...PartSize.mostParts).contains(number), !body.isEmpty,
      numbers.insert(number).inserted
    else {
      throw StoreError(
        .invalid,
        number > PartSize.mostParts
          ? "the object would need more than the 10,000 parts that S3 takes; choose larger ones"
          : "part \(number) of the upload is empty, or was sent already")
    }
    if uploadID == nil, number == 1 {
      onlyPart = body
      return
    }
    if uploadID == nil { try begin() }
    if let first = onlyPart {
      onlyPart = nil
      try start(first, 1)
    }
    try start(body, number)
  }

  /// Waits until the store has all parts that were sent.
  ///
  /// - Throws: the first `StoreError` of any part. Then `abort` is due.
  package func finishParts() throws(StoreError) { _ = try parts.whenAllArrived() }

  /// Gives the object its name, once the store has all parts. `finish` is due afterwards.
  ///
  /// - Throws: `StoreError`, with the code `exists` or `replaced` if the condition does not hold. Then
  ///   `abort` is due.
  package func complete() throws(StoreError) -> UploadedObject {
    guard !isOver else { throw StoreError(.invalid, "the upload has ended") }
    let object: UploadedObject
    if let uploadID {
      let sent = try parts.whenAllArrived()
      guard sent.keys.max() == sent.count else {
        throw StoreError(.invalid, "the upload lacks a part")
      }
      try refuseIfStopped()
      try target.checkCondition()
      object = try Completion(
        target: target, uploadID: uploadID, parts: sent.sorted { $0.key < $1.key }.map(\.value)
      ).run(whenThere: startProbe)
    } else {
      try refuseIfStopped()
      try target.checkCondition()
      object = try SmallUpload(target: target).run(onlyPart ?? HTTPBody())
    }
    isOver = true
    startProbe()
    return object
  }

  /// Waits for what goes on after the object has got its name, beside its user's own work; warns of a
  /// store that ignores conditions.
  package func finish() {
    pool?.drain()
    if ignoresConditions.isSet { target.warnOfNoCondition() }
  }

  /// Finds out, once for a store, whether it keeps to conditions: takes several requests.
  private func startProbe() {
    guard target.store.isToProbe() else { return }
    let probe: @Sendable () -> Void = { [target, ignoresConditions] in
      if (try? ConditionProbe(target: target).isHonoured()) == false { ignoresConditions.set() }
    }
    if let pool { pool.submit { _ in probe() } } else { probe() }
  }

  /// Gives up, and leaves nothing in the bucket. Does nothing after the end.
  ///
  /// - Returns: what is left nevertheless.
  package func abort() -> UnfinishedUpload? {
    guard !isOver else { return nil }
    isOver = true
    parts.giveUp()
    guard let uploadID else { return nil }
    let abortion = Abortion(target: target, uploadID: uploadID)
    // A part on its way may arrive after the first request to abort.
    abortion.ask()
    pool?.drain()
    return abortion.finish()
  }

  private func refuseIfStopped() throws(StoreError) {
    if target.store.isStopped { throw StoreError(.unreachable, "the program is being stopped") }
  }

  private func begin() throws(StoreError) {
    uploadID = try Creation(target: target).run()
    do throws(SystemError) {
      pool = try TaskPool(
        contexts: [Void](repeating: (), count: max(1, target.options.mostInFlight)),
        queueLimit: max(1, target.options.mostInFlight))
    } catch { throw StoreError(.unreachable, "\(error)") }
  }

  private func start(_ body: HTTPBody, _ number: Int) throws(StoreError) {
    try parts.reserve()
    let sender = PartSender(
      target: target, uploadID: uploadID ?? "", isEnding: { [parts] in parts.isGivenUp })
    pool?.submit { [parts] _ in
      parts.ended(
        number, Result { () throws(StoreError) in try sender.send(body, as: number) })
    }
  }
}

/// Something that one thread finds out for another.
private final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .acquiring) }

  func set() { value.store(true, ordering: .releasing) }
}
