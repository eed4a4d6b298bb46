// What is counted on each lookaside list: allocations, misses, frees, free misses, the part of it
// that the depth governor has not seen yet, and the most entries held.
//
// Contract: one operation a cycle: add_i adds the four deltas of deltas_i, clear_i forgets
// everything of the list, govern_i forgets what the governor had not seen, push_i says that the
// list holds held_i entries now. For the list of the operation, high_water_o is the mark before it,
// one cycle later; count_o is the count select_i asks for, before it, two cycles later; idle_o and
// grow_o are what the governor thinks of the list (docs/protocol.md), three cycles later.
// Cost: 192 + CountW bits a list in distributed memory. A count is added to in two halves, the
// upper one a cycle later, so no operation ever waits for another.
`default_nettype none

module lookaside_counts #(
    parameter int unsigned NumLists = 64,
    parameter int unsigned CountW   = 9,
    localparam int unsigned ListW   = $clog2(NumLists)
) (
    input  wire               clk_i,
    input  wire  [ListW-1:0]  list_i,
    input  wire               add_i,
    input  wire               clear_i,
    input  wire               govern_i,
    input  wire               push_i,
    input  wire  [63:0]       deltas_i,
    input  wire  [CountW-1:0] held_i,
    input  wire  [1:0]        select_i,  // 0..3: in the order of exalloc_pkg::lookaside_counts_t
    output logic [CountW-1:0] high_water_o,
    output logic [31:0]       count_o,
    output logic              idle_o,
    output logic              grow_o
);

  // Six numbers a list: the four counts, and allocations and misses not seen by the governor.
  (* ram_style = "distributed" *) logic [63:0]       count_low_mem[NumLists];
  (* ram_style = "distributed" *) logic [63:0]       count_high_mem[NumLists];
  (* ram_style = "distributed" *) logic [31:0]       fresh_low_mem[NumLists];
  (* ram_style = "distributed" *) logic [31:0]       fresh_high_mem[NumLists];
  (* ram_style = "distributed" *) logic [CountW-1:0] high_water_mem[NumLists];

  // ---- Lower halves ----

  logic [63:0]       low;
  logic [31:0]       fresh_low;
  logic [63:0]       low_d;
  logic [31:0]       fresh_low_d;
  logic [5:0]        carry;
  logic [CountW-1:0] high_water;

  assign low        = count_low_mem[list_i];
  assign fresh_low  = fresh_low_mem[list_i];
  assign high_water = high_water_mem[list_i];

  always_comb begin
    for (int unsigned i = 0; i < 4; i = i + 1) begin
      {carry[i], low_d[i*16 +: 16]} = {1'b0, low[i*16 +: 16]} + {1'b0, deltas_i[i*16 +: 16]};
    end
    for (int unsigned i = 0; i < 2; i = i + 1) begin
      {carry[4 + i], fresh_low_d[i*16 +: 16]} =
          {1'b0, fresh_low[i*16 +: 16]} + {1'b0, deltas_i[i*16 +: 16]};
    end
  end

  always_ff @(posedge clk_i) begin
    if (add_i || clear_i) begin
      count_low_mem[list_i] <= low_d & {64{!clear_i}};
    end
    if (add_i || clear_i || govern_i) begin
      fresh_low_mem[list_i] <= fresh_low_d & {32{add_i}};
    end
    if (clear_i || (push_i && held_i > high_water)) begin
      high_water_mem[list_i] <= held_i & {CountW{!clear_i}};
    end
    high_water_o <= high_water;
  end

  // ---- Upper halves ----

  logic [ListW-1:0] list_q;
  logic             add_q;
  logic             clear_q;
  logic             govern_q;
  logic [5:0]       carry_q;
  logic [1:0]       select_q;
  logic [15:0]      selected_q;
  logic [31:0]      fresh_low_q;
  logic [63:0]      high;
  logic [31:0]      fresh_high;
  logic [63:0]      high_d;
  logic [31:0]      fresh_high_d;

  assign high       = count_high_mem[list_q];
  assign fresh_high = fresh_high_mem[list_q];

  always_comb begin
    for (int unsigned i = 0; i < 4; i = i + 1) begin
      high_d[i*16 +: 16] = high[i*16 +: 16] + 16'(carry_q[i]);
    end
    for (int unsigned i = 0; i < 2; i = i + 1) begin
      fresh_high_d[i*16 +: 16] = fresh_high[i*16 +: 16] + 16'(carry_q[4 + i]);
    end
  end

  always_ff @(posedge clk_i) begin
    list_q      <= list_i;
    add_q       <= add_i;
    clear_q     <= clear_i;
    govern_q    <= govern_i;
    carry_q     <= carry;
    select_q    <= select_i;
    selected_q  <= low[select_i*16 +: 16];
    fresh_low_q <= fresh_low;
    count_o     <= {high[select_q*16 +: 16], selected_q};
    if (add_q || clear_q) begin
      count_high_mem[list_q] <= high_d & {64{!clear_q}};
    end
    if (add_q || clear_q || govern_q) begin
      fresh_high_mem[list_q] <= fresh_high_d & {32{add_q}};
    end
  end

  // ---- The governor's view: 2^shift misses > allocations, in two halves ----

  localparam int unsigned Shift = exalloc_pkg::GovernorMissShift;
  localparam int unsigned Half  = 16 - Shift;

  logic [31:0]         allocates_q;
  logic [31:0]         misses_q;
  logic [31:0]         some;      // of 2^shift allocations each
  logic                many_q;    // misses of which one would be enough for any allocations
  logic                above_q;
  logic                equal_q;
  logic                below_q;
  localparam int unsigned IdleW = $clog2(exalloc_pkg::GovernorIdleAllocates);

  assign some = allocates_q >> Shift;

  always_ff @(posedge clk_i) begin
    allocates_q <= {fresh_high[15:0], fresh_low_q[15:0]};
    misses_q    <= {fresh_high[31:16], fresh_low_q[31:16]};
    idle_o      <= allocates_q[31:IdleW] == '0;
    many_q      <= misses_q[31:32-Shift] != '0;
    above_q     <= misses_q[31-Shift:Half] > some[31-Shift:Half];
    equal_q     <= misses_q[31-Shift:Half] == some[31-Shift:Half];
    below_q     <= misses_q[Half-1:0] > some[Half-1:0];
  end

  assign grow_o = many_q || above_q || (equal_q && below_q);

  logic unused;
  assign unused = &{1'b0, some[31:32-Shift]};

endmodule

`default_nettype wire
