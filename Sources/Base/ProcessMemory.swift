internal import CLinux

/// What the process keeps of the memory that it does not use any more.
public enum ProcessMemory {
    /// Has large pieces go back to the system as soon as they are free. Otherwise malloc takes ever larger ones from
    /// the heap once the first has been freed, where small ones come to stand behind them: with a whole cluster that is
    /// a tenth of the peak, and half of what is kept after its end. To be called at the start.
    public static func keepLargePiecesApart() { portico_map_large_memory() }

    /// Gives back what is free now. Takes milliseconds for each hundred megabytes.
    public static func giveBack() { portico_give_back_memory() }
}
