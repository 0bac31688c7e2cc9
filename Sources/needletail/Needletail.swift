import Foundation
import Node

@main struct Needletail {
  static func main() {
    exit(CommandTable.main(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
