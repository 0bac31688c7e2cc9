import Foundation
import Node

@main struct Needletail {
  static func main() {
    Console.holdDescriptors()
    exit(CommandTable.main(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
