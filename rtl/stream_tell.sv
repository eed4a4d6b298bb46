// Tells the list monitor how many blocks a stream port was given and how many it gave back.
//
// Contract: got_i and released_i are added up; got_full_o and released_full_o ask to stop: while
// got_full_o is high got_i may come in that cycle and the next, while released_full_o is high no
// released_i. Both sums are offered in turn by tell_*: what was given first, and with it all that
// was given before anything in the release that follows. empty_o: all has been told.
// Cost: two 7-bit adders, 28 flip-flops.
`default_nettype none

module stream_tell (
    input  wire        clk_i,
    input  wire        rst_i,
    input  wire  [4:0] got_i,           // at most 16
    output logic       got_full_o,
    input  wire  [6:0] released_i,      // at most 64
    output logic       released_full_o,
    output logic       tell_valid_o,
    input  wire        tell_ready_i,
    output logic       tell_release_o,
    output logic [6:0] tell_count_o,
    output logic       empty_o
);

  logic [6:0] got_q;         // not yet offered
  logic [6:0] released_q;
  logic [6:0] tell_got_q;    // being offered
  logic [6:0] tell_released_q;
  logic       got_valid_q;
  logic       released_valid_q;
  logic       take;

  assign got_full_o      = got_q[6];
  assign released_full_o = released_q[6];
  assign tell_valid_o    = got_valid_q || released_valid_q;
  assign tell_release_o  = !got_valid_q;
  assign tell_count_o    = got_valid_q ? tell_got_q : tell_released_q;
  assign take            = !tell_valid_o;
  assign empty_o         = got_q == '0 && released_q == '0 && !tell_valid_o;

  always_ff @(posedge clk_i) begin
    got_q      <= 7'(got_i) + (take ? '0 : got_q);
    released_q <= released_i + (take ? '0 : released_q);
    if (take) begin
      tell_got_q       <= got_q;
      tell_released_q  <= released_q;
      got_valid_q      <= got_q != '0;
      released_valid_q <= released_q != '0;
    end else if (tell_ready_i) begin
      got_valid_q <= 1'b0;
      if (!got_valid_q) begin
        released_valid_q <= 1'b0;
      end
    end
    if (rst_i) begin
      got_q            <= '0;
      released_q       <= '0;
      got_valid_q      <= 1'b0;
      released_valid_q <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (!rst_i) begin
      assert (take || 8'(got_q) + 8'(got_i) < 8'd128);
      assert (take || !released_full_o || released_i == '0);
    end
  end
`endif

endmodule

`default_nettype wire
