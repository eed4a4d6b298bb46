// Checks a submission line's header, in the order of docs/protocol.md ("Checks of a line").
//
// Contract: combinational. FirstOpcode..LastOpcode are the opcodes that the worker behind executes;
// any other is a bad one here. The phase is judged outside, against the lap.
// Cost: 4 LUT levels; the user registers the status.
`default_nettype none

module line_check #(
    parameter logic [3:0]  FirstOpcode = exalloc_pkg::OpcodeGrant,
    parameter logic [3:0]  LastOpcode  = exalloc_pkg::OpcodeShare,
    parameter int unsigned NumLists    = 64
) (
    input  wire  [63:0] header_i,
    input  wire         bad_phase_i,
    output logic [ 3:0] status_o
);

  if (NumLists < 1 || NumLists > exalloc_pkg::MaxLists) begin : g_bad_lists
    $error("line_check: NumLists must be 1 to 255");
  end

  exalloc_pkg::submission_header_t header;
  logic                            may_call;
  logic                            bad_opcode;
  logic                            bad_count;
  logic [7:0]                      least;
  logic [7:0]                      most;

  assign header = header_i;

  // What each opcode allows; RECALL, SYNC and SHARE have no count.
  always_comb begin
    may_call = 1'b0;
    least    = 8'd0;
    most     = 8'd0;
    case (header.opcode)
      exalloc_pkg::OpcodeGrant: begin
        least = 8'd1;
        most  = 8'(exalloc_pkg::MaxGrant);
      end
      exalloc_pkg::OpcodeRelease: begin
        least = 8'd1;
        most  = 8'(exalloc_pkg::TokensPerLine);
      end
      exalloc_pkg::OpcodePop: begin
        may_call = 1'b1;
        least    = 8'd1;
        most     = 8'(exalloc_pkg::MaxPop);
      end
      exalloc_pkg::OpcodePush: begin
        may_call = 1'b1;
        most     = 8'(exalloc_pkg::EntriesPerLine);
      end
      default: begin
      end
    endcase
  end

  assign bad_opcode = header.opcode < FirstOpcode || header.opcode > LastOpcode ||
                      header.reserved_7_7 || (header.call && !may_call) ||
                      header.reserved_31_26 != '0 ||
                      (header.give != '0 && header.opcode != exalloc_pkg::OpcodePush);
  assign bad_count  = header.count < least || header.count > most;

  always_comb begin
    if (bad_phase_i) begin
      status_o = exalloc_pkg::StatusBadPhase;
    end else if (bad_opcode) begin
      status_o = exalloc_pkg::StatusBadOpcode;
    end else if (header.list >= 10'(NumLists)) begin
      status_o = exalloc_pkg::StatusBadList;
    end else if (bad_count) begin
      status_o = exalloc_pkg::StatusBadCount;
    end else begin
      status_o = exalloc_pkg::StatusOk;
    end
  end

  logic unused_fields;  // no check concerns them
  assign unused_fields = &{1'b0, header.phase, header.ack, header.cookie};

endmodule

`default_nettype wire
