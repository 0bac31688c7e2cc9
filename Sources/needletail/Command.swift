import Foundation
import Node

@main struct Command {
  static func main() {
    exit(CommandTable.main(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
