import EventLoop
import Glibc
import Relay
import Services


let limit = ResourceLimits.raiseDescriptorLimit()
let relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: limit))) { event in
    print(event)
}
let id = ServicePortID(ServicePortName(namespace: "default", service: "bench"), .tcp)
let endpoints = CommandLine.arguments[2].split(separator: ",").map { Endpoint(EndpointAddress($0)!) }
await relay.serve(id, with: Balancer(endpoints))
let door = try await relay.open(id, on: EndpointAddress(CommandLine.arguments[1])!)
print("listening", door.address)
while true {
    try await Task.sleep(for: .seconds(2))
    print(await relay.snapshot())
}
