// Carries a reset to parts of the chip that lie far apart, with a path of flip-flops for each.
//
// Contract: bit i of rst_o is rst_i, Stages cycles later; all bits at the same time. The copies are
// kept apart, so that each lies in the region it resets. Stages = 0: wires.
// Cost: Stages x Copies flip-flops.
`default_nettype none

module reset_pipe #(
    parameter int unsigned Stages = 2,
    parameter int unsigned Copies = 4
) (
    input  wire               clk_i,
    input  wire               rst_i,
    output logic [Copies-1:0] rst_o
);

  if (Copies < 1) begin : g_bad
    $error("reset_pipe: Copies must be at least 1");
  end

  if (Stages == 0) begin : g_wires
    assign rst_o = {Copies{rst_i}};
    logic unused;
    assign unused = &{1'b0, clk_i};
  end else begin : g_stages
    for (genvar i = 0; i < Copies; i++) begin : g_copy
      (* keep = "true", shreg_extract = "no" *) logic [Stages-1:0] rst_q;
      always_ff @(posedge clk_i) rst_q <= Stages'({rst_q, rst_i});
      assign rst_o[i] = rst_q[Stages-1];
    end
  end

endmodule

`default_nettype wire
