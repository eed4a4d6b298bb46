// The card's 64-bit event counters, read through their window.
//
// Contract: increments_i holds one small number for each counter and cycle. They are gathered in 16
// bits a counter, and one counter a cycle takes its sum over into distributed memory, so a read is
// at most Count + 4 cycles behind. Read data comes 2 cycles after re_i; a read of the low half
// keeps the high half for the next read of any high half.
// Cost: 16 flip-flops and an adder a counter, one 64-bit adder in three stages.
`default_nettype none

module event_counters #(
    parameter int unsigned Count = 16,   // a power of two
    parameter int unsigned IncW  = 8
) (
    input  wire                    clk_i,
    input  wire                    rst_i,
    input  wire  [Count*IncW-1:0]  increments_i,
    input  wire                    re_i,
    input  wire  [            4:0] index_i,
    input  wire                    high_i,
    output logic [           31:0] rdata_o
);

  localparam int unsigned IdxW = $clog2(Count);
  localparam int unsigned AccW = 16;
  if (Count < 8 || Count != (1 << IdxW) || Count > 32) begin : g_bad_count
    $error("event_counters: Count must be a power of two, 8 to 32");
  end
  if (IncW + IdxW > AccW) begin : g_bad_width
    $error("event_counters: the sum of a round does not fit");
  end

  logic [Count*AccW-1:0] sum_q;
  logic [      IdxW-1:0] turn_q;
  logic                  first_q;  // no counter has been stored since reset

  always_ff @(posedge clk_i) begin
    for (int unsigned c = 0; c < Count; c = c + 1) begin
      // The counter whose turn it is starts again with what comes now.
      sum_q[c*AccW+:AccW] <= AccW'(increments_i[c*IncW+:IncW]) +
                             (turn_q == IdxW'(c) ? '0 : sum_q[c*AccW+:AccW]);
    end
    turn_q <= turn_q + 1'b1;
    if (turn_q == '1) first_q <= 1'b0;
    if (rst_i) begin
      sum_q   <= '0;
      turn_q  <= '0;
      first_q <= 1'b1;
    end
  end

  // ---- The 64-bit sums: read; add in pieces of 22, 21 and 21 bits ----

  (* ram_style = "distributed" *) logic [63:0] mem[Count];
  logic            a_q, b_q, c_q, d_q;
  logic [IdxW-1:0] a_idx_q, b_idx_q, c_idx_q, d_idx_q;
  logic [    63:0] a_value_q, b_value_q, c_value_q, d_value_q;
  logic [AccW-1:0] a_sum_q;
  logic            b_carry_q, c_carry_q;

  logic [22:0] low;
  logic [21:0] middle;
  assign low    = {1'b0, a_value_q[21:0]} + 23'(a_sum_q);
  assign middle = {1'b0, b_value_q[42:22]} + 22'(b_carry_q);

  always_ff @(posedge clk_i) begin
    a_q       <= 1'b1;
    a_idx_q   <= turn_q;
    a_value_q <= first_q ? '0 : mem[turn_q];
    a_sum_q   <= sum_q[turn_q*AccW+:AccW];

    b_q       <= a_q;
    b_idx_q   <= a_idx_q;
    b_value_q <= {a_value_q[63:22], low[21:0]};
    b_carry_q <= low[22];

    c_q       <= b_q;
    c_idx_q   <= b_idx_q;
    c_value_q <= {b_value_q[63:43], middle[20:0], b_value_q[21:0]};
    c_carry_q <= middle[21];

    d_q       <= c_q;
    d_idx_q   <= c_idx_q;
    d_value_q <= {c_value_q[63:43] + 21'(c_carry_q), c_value_q[42:0]};

    if (d_q) mem[d_idx_q] <= d_value_q;
    if (rst_i) begin
      a_q <= 1'b0;
      b_q <= 1'b0;
      c_q <= 1'b0;
      d_q <= 1'b0;
    end
  end

  // ---- The host ----

  logic [63:0] read_q;
  logic [31:0] high_q;
  logic        re_q, want_high_q;

  always_ff @(posedge clk_i) begin
    re_q        <= re_i;
    want_high_q <= high_i;
    read_q      <= 32'(index_i) < Count ? mem[index_i[IdxW-1:0]] : '0;
    if (re_q) begin
      rdata_o <= want_high_q ? high_q : read_q[31:0];
      if (!want_high_q) high_q <= read_q[63:32];
    end
    if (rst_i) begin
      re_q   <= 1'b0;
      high_q <= '0;
    end
  end

endmodule

`default_nettype wire
