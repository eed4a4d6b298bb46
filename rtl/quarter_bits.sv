// Bit arithmetic on a quarter of a free mask (narrower ones are zero-extended to 16 bits).
//
// Contract: purely combinational. count_o is the number of ones in count_bits_i. Of bits_i,
// lowest_o and highest_o isolate the lowest and highest one (0 if there is none), lowest_idx_o is
// the index of the lowest.
// Cost: about 70 LUTs, 4 levels; written in groups of 4 and without +,
// which would become carry chains in a row. EXALLOC_FAST_SIM: in word arithmetic, which a simulator
// does in a few instructions; the test runs both.
`default_nettype none

module quarter_bits (
    input  wire  [15:0] count_bits_i,
    output logic [4:0]  count_o,
    input  wire  [15:0] bits_i,
    output logic [15:0] lowest_o,
    output logic [15:0] highest_o,
    output logic [3:0]  lowest_idx_o
);

  // Ones of three bits: a full adder, {carry, sum}.
`ifdef EXALLOC_FAST_SIM
  logic [15:0] pairs, fours, eights, down1, down2, down4, down8;
  always_comb begin
    pairs        = count_bits_i - (count_bits_i >> 1 & 16'h5555);
    fours        = (pairs & 16'h3333) + (pairs >> 2 & 16'h3333);
    eights       = (fours + (fours >> 4)) & 16'h0f0f;
    count_o      = 5'(eights + (eights >> 8));
    lowest_o     = bits_i & -bits_i;
    down1        = bits_i | bits_i >> 1;
    down2        = down1 | down1 >> 2;
    down4        = down2 | down2 >> 4;
    down8        = down4 | down4 >> 8;
    highest_o    = down8 ^ (down8 >> 1);
    lowest_idx_o = {|(lowest_o & 16'hff00), |(lowest_o & 16'hf0f0), |(lowest_o & 16'hcccc),
                    |(lowest_o & 16'haaaa)} | {4{bits_i == '0}};
  end
`else
  function automatic [1:0] full_add(input a, input b, input c);
    full_add = {(a & b) | (a & c) | (b & c), a ^ b ^ c};
  endfunction

  // Ones of five bits.
  function automatic [2:0] ones5(input [4:0] v);
    logic [1:0] x;
    logic [1:0] y;
    x = full_add(v[0], v[1], v[2]);
    y = full_add(x[0], v[3], v[4]);
    ones5 = {x[1] & y[1], x[1] ^ y[1], y[0]};
  endfunction

  logic [2:0] a;
  logic [2:0] b;
  logic [2:0] c;
  logic [1:0] u0;
  logic [1:0] u1;
  logic [1:0] u2;
  logic       n1;
  logic       n2;

  // Three counts of 5 bits, joined column by column; the 16th bit enters as carry of column 0.
  always_comb begin
    a  = ones5(count_bits_i[4:0]);
    b  = ones5(count_bits_i[9:5]);
    c  = ones5(count_bits_i[14:10]);
    u0 = full_add(a[0], b[0], c[0]);
    u1 = full_add(a[1], b[1], c[1]);
    u2 = full_add(a[2], b[2], c[2]);
    // {u2,u1,u0} in carry-save form plus bit 15.
    count_o[0] = u0[0] ^ count_bits_i[15];
    n1         = u0[0] & count_bits_i[15];
    {n2, count_o[1]} = full_add(u1[0], u0[1], n1);
    count_o[2] = u2[0] ^ u1[1] ^ n2;
    count_o[3] = u2[1] ^ ((u2[0] & u1[1]) | (u2[0] & n2) | (u1[1] & n2));
    count_o[4] = u2[1] & ((u2[0] & u1[1]) | (u2[0] & n2) | (u1[1] & n2));
  end

  logic [3:0] any;
  logic [7:0] low_idx;  // index of the lowest in each group of 4

  always_comb begin
    for (int unsigned g = 0; g < 4; g = g + 1) begin
      any[g] = |bits_i[g*4 +: 4];
      casez (bits_i[g*4 +: 4])
        4'b???1: low_idx[g*2 +: 2] = 2'd0;
        4'b??10: low_idx[g*2 +: 2] = 2'd1;
        4'b?100: low_idx[g*2 +: 2] = 2'd2;
        default: low_idx[g*2 +: 2] = 2'd3;
      endcase
    end
    for (int unsigned g = 0; g < 4; g = g + 1) begin
      for (int unsigned i = 0; i < 4; i = i + 1) begin
        lowest_o[g*4+i]  = bits_i[g*4+i] && (bits_i[g*4 +: 4] & ~(4'hf << i)) == 4'd0 &&
                           (any & ~(4'hf << g)) == 4'd0;
        highest_o[g*4+i] = bits_i[g*4+i] && (bits_i[g*4 +: 4] >> (i + 1)) == 4'd0 &&
                           (any >> (g + 1)) == 4'd0;
      end
    end
    if (any[0]) begin
      lowest_idx_o = {2'd0, low_idx[1:0]};
    end else if (any[1]) begin
      lowest_idx_o = {2'd1, low_idx[3:2]};
    end else if (any[2]) begin
      lowest_idx_o = {2'd2, low_idx[5:4]};
    end else begin
      lowest_idx_o = {2'd3, low_idx[7:6]};
    end
  end
`endif

endmodule

`default_nettype wire
