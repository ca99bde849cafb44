// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything in it is built with `--sanitize fuzzer` (scripts/fuzz.sh).

/// The name that the compiler knows the program's package by, which SwiftPM makes of its folder's.
let program = String(
  Context.packageDirectory.split(separator: "/").dropLast().last!.lowercased().map {
    $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_"
  })

/// What the fuzzers look at is for the program's own modules only, so they count as such.
let inside: SwiftSetting = .unsafeFlags(["-package-name", program])

func fuzzer(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FuzzSupport", .product(name: "AutosquashModules", package: "autosquash")],
    packageAccess: false,
    // libFuzzer brings `main`.
    swiftSettings: [inside, .unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "autosquash", path: "..")],
  targets: [
    .target(
      name: "FuzzSupport",
      dependencies: [.product(name: "AutosquashModules", package: "autosquash")],
      packageAccess: false, cSettings: [.define("_GNU_SOURCE")], swiftSettings: [inside]),
    fuzzer("FuzzTables"),
    fuzzer("FuzzImage"),
    fuzzer("FuzzXattrs"),
    fuzzer("FuzzArchive"),
    fuzzer("FuzzMap"),
    fuzzer("FuzzRoundTrip"),
    fuzzer("FuzzKernel"),
  ],
  swiftLanguageModes: [.v6]
)
