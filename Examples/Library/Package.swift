// swift-tools-version: 6.2
import PackageDescription

// What a package looks like that uses the library; `.package(url:from:)` takes the place of the path.
let package = Package(
  name: "LibraryExamples",
  dependencies: [.package(name: "autosquash", path: "../..")],
  targets: [
    .executableTarget(
      name: "list-image", dependencies: [.product(name: "SquashFS", package: "autosquash")]),
    .executableTarget(
      name: "make-image", dependencies: [.product(name: "SquashFS", package: "autosquash")]),
  ],
  swiftLanguageModes: [.v6]
)
